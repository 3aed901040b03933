class AddIndexOnSortName < ActiveRecord::Migration[6.1]
  def change
    add_index :entities, :sort_name
  end
end
