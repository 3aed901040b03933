# Has changed the table and half of the rows when it fails; MySQL cannot take a change of a table back.
class FailHalfWay < ActiveRecord::Migration[6.1]
  def up
    add_column :entities, :half, :string
    Entity.reset_column_information
    Entity.unscoped.where('id % 2 = 0').update_all(name: 'spoilt', half: 'yes')
    raise 'this migration fails half-way'
  end
end
