class Grant < ApplicationRecord
  self.table_name = 'collections_credentials'

  belongs_to :collection
  belongs_to :credential
end

class Collection < ApplicationRecord
  POLICIES = %w[view edit create delete download_originals tagging view_meta].freeze

  has_many :entities
  has_many :grants, dependent: :delete_all

  def grant(credential, *policies)
    policies.each { |policy| grants.find_or_create_by!(credential: credential, policy: policy) }
  end
end
