class CreateEntities < ActiveRecord::Migration[6.1]
  def change
    create_table :kinds, id: :integer, charset: 'utf8' do |t|
      t.string :uuid
      t.string :name
      t.string :plural_name
      t.text :description
      t.text :settings
      t.integer :lock_version, default: 0
      t.timestamps null: true
    end

    create_table :entities, id: :integer, charset: 'utf8' do |t|
      t.string :uuid
      t.integer :kind_id
      t.integer :collection_id
      t.integer :medium_id
      t.integer :creator_id
      t.integer :updater_id
      t.string :name
      t.string :distinct_name
      t.string :no_name_statement
      t.string :subtype
      t.text :comment
      t.text :attachment
      t.integer :lock_version, default: 0
      t.timestamps null: true
      t.index :uuid
      t.index :name
      t.index :medium_id
      t.index [:collection_id, :kind_id]
    end

    create_table :entity_datings, id: :integer, charset: 'utf8' do |t|
      t.integer :entity_id
      t.string :label
      t.string :dating_string
      t.integer :from_day
      t.integer :to_day
      t.integer :lock_version
      t.index :entity_id
    end
  end
end
