# Row by row, deleted ones too: with many entities this one takes its time.
class AddSortNameToEntities < ActiveRecord::Migration[6.1]
  def up
    add_column :entities, :sort_name, :string
    Entity.reset_column_information
    Entity.unscoped.find_each do |entity|
      entity.update_columns(sort_name: Entity.sort_name_for(entity.name, entity.distinct_name))
    end
  end

  def down
    remove_column :entities, :sort_name
  end
end
