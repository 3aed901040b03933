class CreateExceptionLogs < ActiveRecord::Migration[6.1]
  def change
    create_table :exception_logs, id: :integer, charset: 'utf8' do |t|
      t.string :kind
      t.string :message
      t.text :backtrace
      t.datetime :created_at
      t.string :uri
      t.text :params
    end
  end
end
