class CreateTags < ActiveRecord::Migration[6.1]
  def change
    create_table :tags, id: :integer, charset: 'utf8' do |t|
      t.string :name, collation: 'utf8_bin'
      t.integer :taggings_count, default: 0
      t.index :name, unique: true
    end

    create_table :taggings, id: :integer, charset: 'utf8' do |t|
      t.integer :tag_id
      t.string :taggable_type
      t.integer :taggable_id
      t.string :context
      t.datetime :created_at
      t.index [:taggable_type, :taggable_id]
      t.index :tag_id
    end
  end
end
