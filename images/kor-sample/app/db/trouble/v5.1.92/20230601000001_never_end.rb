# Goes on for as long as it is let.
class NeverEnd < ActiveRecord::Migration[6.1]
  def up
    add_column :entities, :half, :string
    sleep
  end
end
