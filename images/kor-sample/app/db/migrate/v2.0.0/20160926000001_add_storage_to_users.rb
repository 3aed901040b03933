# What sessions kept besides, now that they are cookies.
class AddStorageToUsers < ActiveRecord::Migration[6.1]
  def up
    add_column :users, :storage, :text, if_not_exists: true
    drop_table :sessions
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
