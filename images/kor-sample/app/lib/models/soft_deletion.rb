# Deleted rows stay in the table, out of sight; before v2.1.0, which brought the column, they go.
module SoftDeletion
  extend ActiveSupport::Concern

  included do
    default_scope { column_names.include?('deleted_at') ? where(deleted_at: nil) : all }
  end

  def gone?
    destroyed? || (has_attribute?(:deleted_at) && !deleted_at.nil?)
  end
end
