class RemoveExceptionLogs < ActiveRecord::Migration[6.1]
  def up
    drop_table :exception_logs
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
