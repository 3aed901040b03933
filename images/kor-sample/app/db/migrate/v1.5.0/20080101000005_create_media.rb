class CreateMedia < ActiveRecord::Migration[6.1]
  def change
    create_table :media, id: :integer, charset: 'utf8' do |t|
      [:image, :document].each do |attachment|
        t.string "#{attachment}_file_name"
        t.string "#{attachment}_content_type"
        t.integer "#{attachment}_file_size"
        t.integer "#{attachment}_updated_at"
        t.boolean "#{attachment}_processing"
      end
      t.string :datahash
      t.string :original_url
      t.string :state
      t.integer :lock_version
      t.index :datahash
    end
  end
end
