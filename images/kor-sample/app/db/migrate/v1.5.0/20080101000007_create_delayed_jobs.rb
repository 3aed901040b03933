# No later version drops it, though since v4 nobody uses it.
class CreateDelayedJobs < ActiveRecord::Migration[6.1]
  def change
    create_table :delayed_jobs, id: :integer, charset: 'utf8' do |t|
      t.integer :priority, default: 0
      t.integer :attempts, default: 0
      t.text :handler
      t.text :last_error
      t.datetime :run_at
      t.datetime :locked_at
      t.datetime :failed_at
      t.string :locked_by
      t.timestamps null: true
      t.string :queue
      t.index [:priority, :run_at], name: 'delayed_jobs_priority'
    end
  end
end
