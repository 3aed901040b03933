# The first images of this application made such columns at once: on their schemas this runs later.
class AddApiKeyToUsers < ActiveRecord::Migration[6.1]
  def up
    add_column :users, :api_key, :string, if_not_exists: true
    User.reset_column_information
    User.where(api_key: nil).find_each { |user| user.update_columns(api_key: SecureRandom.hex(48)) }
  end

  def down
    remove_column :users, :api_key
  end
end
