class CreateUsers < ActiveRecord::Migration[6.1]
  def change
    create_table :users, id: :integer, charset: 'utf8' do |t|
      t.string :name
      t.string :full_name
      t.string :email
      t.string :password
      t.string :locale
      t.string :parent_username
      t.string :login_attempts
      t.boolean :active
      t.boolean :terms_accepted, default: false
      t.boolean :admin
      t.boolean :kind_admin
      t.boolean :relation_admin
      t.boolean :authority_group_admin
      t.integer :default_collection_id
      t.datetime :last_login
      t.datetime :expires_at
      t.integer :lock_version, default: 0
      t.timestamps null: true
      t.index :name, unique: true
    end

    create_table :credentials, id: :integer, charset: 'utf8' do |t|
      t.string :name
      t.text :description
      t.integer :lock_version, default: 0
      t.index :name
    end

    create_table :credentials_users, id: false, charset: 'utf8' do |t|
      t.integer :user_id
      t.integer :credential_id
      t.index [:user_id, :credential_id], unique: true
    end

    create_table :downloads, id: :integer, charset: 'utf8' do |t|
      t.integer :user_id
      t.string :uuid
      t.string :file_name
      t.string :content_type
      t.timestamps null: true
      t.index :uuid
    end
  end
end
