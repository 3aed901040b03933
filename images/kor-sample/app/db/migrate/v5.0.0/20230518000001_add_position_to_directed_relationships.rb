class AddPositionToDirectedRelationships < ActiveRecord::Migration[6.1]
  def change
    add_column :directed_relationships, :position, :integer, default: 0
  end
end
