class CreateSessions < ActiveRecord::Migration[6.1]
  def change
    create_table :sessions, id: :integer, charset: 'utf8' do |t|
      t.string :session_id, default: '', null: false
      t.text :data
      t.timestamps null: true
      t.index :session_id
      t.index :updated_at
    end
  end
end
