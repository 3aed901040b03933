class CreateRelationships < ActiveRecord::Migration[6.1]
  def change
    create_table :relations, id: :integer, charset: 'utf8' do |t|
      t.string :uuid
      t.string :name
      t.string :reverse_name
      t.text :description
      t.integer :from_kind_id
      t.integer :to_kind_id
      t.integer :lock_version, default: 0
      t.timestamps null: true
      t.index :name
    end

    create_table :relationships, id: :integer, charset: 'utf8' do |t|
      t.string :uuid
      t.integer :relation_id
      t.integer :from_id
      t.integer :to_id
      t.text :properties
      t.integer :lock_version, default: 0
      t.timestamps null: true
      t.index :uuid
      t.index [:relation_id, :from_id, :to_id]
      t.index :from_id
      t.index :to_id
    end

    create_table :directed_relationships, id: :integer, charset: 'utf8' do |t|
      t.integer :relation_id
      t.integer :relationship_id
      t.boolean :is_reverse
      t.string :relation_name
      t.integer :from_id
      t.integer :to_id
      t.timestamps null: true
      t.index :relationship_id
      t.index :from_id
      t.index :to_id
    end
  end
end
