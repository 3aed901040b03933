class AddDeletedAt < ActiveRecord::Migration[6.1]
  def change
    [:kinds, :entities, :relations, :relationships].each do |table|
      add_column table, :deleted_at, :datetime, if_not_exists: true
    end
    add_index :entities, [:kind_id, :deleted_at], if_not_exists: true
  end
end
