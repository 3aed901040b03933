class GiveLockVersionsADefault < ActiveRecord::Migration[6.1]
  def up
    [:collections, :entity_datings, :media].each { |table| change_column_default table, :lock_version, 0 }
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
