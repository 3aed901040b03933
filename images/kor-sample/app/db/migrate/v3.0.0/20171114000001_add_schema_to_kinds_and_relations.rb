class AddSchemaToKindsAndRelations < ActiveRecord::Migration[6.1]
  def change
    add_column :kinds, :schema, :string
    add_column :relations, :schema, :string
  end
end
