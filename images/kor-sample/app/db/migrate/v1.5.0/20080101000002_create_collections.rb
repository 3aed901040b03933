class CreateCollections < ActiveRecord::Migration[6.1]
  def change
    create_table :collections, id: :integer, charset: 'utf8' do |t|
      t.string :name
      t.integer :lock_version
      t.timestamps null: true
    end

    create_table :collections_credentials, id: :integer, charset: 'utf8' do |t|
      t.integer :collection_id
      t.integer :credential_id
      t.string :policy
      t.index [:collection_id, :credential_id, :policy], name: 'collections_credentials_policies'
    end
  end
end
