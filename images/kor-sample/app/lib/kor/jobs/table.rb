require 'yaml'

# Jobs wait in a table until a worker (lib/kor/worker.rb) takes them. They outlive every process.
module Kor::Jobs::Table
  def self.later(medium_id, attachment)
    handler = { 'job_data' => { 'job_class' => 'DelayedPaperclip::ProcessJob', 'queue_name' => 'paperclip',
                                'arguments' => ['Medium', medium_id, attachment.to_s] } }
    Delayed::Job.create!(queue: 'paperclip', run_at: Time.now.utc, handler: YAML.dump(handler))
  end
end
