class Relation < ApplicationRecord
  include SoftDeletion

  before_create { self.uuid ||= SecureRandom.uuid }
end

# One direction of a relationship: what can be read from an entity to its neighbours.
class DirectedRelationship < ApplicationRecord
  belongs_to :relationship
  belongs_to :from, class_name: 'Entity', optional: true
  belongs_to :to, class_name: 'Entity', optional: true
end

class Relationship < ApplicationRecord
  include SoftDeletion

  belongs_to :relation
  belongs_to :from, class_name: 'Entity'
  belongs_to :to, class_name: 'Entity'
  has_many :directed_relationships

  before_create { self.uuid ||= SecureRandom.uuid }
  after_create :write_directions

  def destroy
    transaction do
      directed_relationships.delete_all(:delete_all)
      has_attribute?(:deleted_at) ? update!(deleted_at: Time.now.utc) : super
    end
    self
  end

  private

  def write_directions
    shared = { relation_id: relation_id, relationship_id: id }
    DirectedRelationship.create!(shared.merge(is_reverse: false, relation_name: relation.name,
                                              from_id: from_id, to_id: to_id))
    DirectedRelationship.create!(shared.merge(is_reverse: true, relation_name: relation.reverse_name,
                                              from_id: to_id, to_id: from_id))
  end
end
