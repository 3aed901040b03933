class Kind < ApplicationRecord
  include SoftDeletion

  # The same in every installation: media are told by it.
  MEDIA_UUID = '93a03d5c-e439-4294-a8d4-d4921c4d0dbc'.freeze

  has_many :entities

  before_create { self.uuid ||= SecureRandom.uuid }

  def self.medium_kind_id
    where(uuid: MEDIA_UUID).pick(:id)
  end

  def medium?
    uuid == MEDIA_UUID
  end
end

class EntityDating < ApplicationRecord
  belongs_to :entity
end

class Tag < ApplicationRecord
end

class Tagging < ApplicationRecord
  belongs_to :tag, counter_cache: :taggings_count
  belongs_to :taggable, polymorphic: true
end

class Entity < ApplicationRecord
  include SoftDeletion

  belongs_to :kind
  belongs_to :collection
  belongs_to :medium, optional: true
  belongs_to :creator, class_name: 'User', optional: true
  belongs_to :updater, class_name: 'User', optional: true
  has_many :datings, class_name: 'EntityDating', dependent: :destroy
  has_many :taggings, -> { where(context: 'tags') }, as: :taggable
  has_many :tags, through: :taggings
  has_many :outgoing_relationships, class_name: 'DirectedRelationship', foreign_key: :from_id
  has_many :outgoing, through: :outgoing_relationships, source: :to

  validates :name, presence: true, if: -> { no_name_statement == 'enter_name' && !kind&.medium? }
  validates :medium, presence: true, if: -> { kind&.medium? }
  validates :no_name_statement, inclusion: { in: %w[enter_name unknown not_available empty_name] },
                                unless: -> { kind&.medium? }

  before_validation { self.uuid ||= SecureRandom.uuid }
  before_save :keep_sort_name
  # After the commit: a search document never speaks of a row that is not there. Where the search server
  # is away, the row stays and the caller learns of it.
  after_commit :update_search

  def self.sort_name_for(name, distinct_name)
    [name, distinct_name].compact.join(' ').unicode_normalize(:nfkd).gsub(/\p{M}/, '').downcase[0, 255].presence
  end

  def kind_name
    kind&.name
  end

  def display_name
    return "medium #{medium_id}" if medium_id
    return no_name_statement.to_s.tr('_', ' ') if name.blank?

    distinct_name.present? ? "#{name} (#{distinct_name})" : name
  end

  def tag(*names)
    names.each { |name| taggings.create!(tag: Tag.find_or_create_by!(name: name), context: 'tags') }
  end

  # The files go when it is certain that the row has.
  def destroy
    transaction do
      Relationship.where(from_id: id).or(Relationship.where(to_id: id)).each(&:destroy)
      medium&.destroy
      has_attribute?(:deleted_at) ? update!(deleted_at: Time.now.utc) : super
    end
    self
  end

  private

  # A column that older versions lack.
  def keep_sort_name
    self.sort_name = self.class.sort_name_for(name, distinct_name) if has_attribute?(:sort_name)
  end

  def update_search
    return unless Kor::Elastic.available?

    gone? ? Kor::Elastic.drop(self) : Kor::Elastic.index(self, full: true)
  end
end
