require 'yaml'

module Delayed
  # No statement here opens a transaction: a connection that breaks inside of one would be thrown away and
  # replaced, while the real worker keeps the broken one.
  class Job < ApplicationRecord
    self.table_name = 'delayed_jobs'

    # The next job, locked: one that nobody holds, or has held for too long, or that a worker of this very
    # name held when it died.
    def self.reserve(worker, max_run_time)
      # The columns keep whole seconds.
      now = Time.now.utc.change(usec: 0)
      waiting = where('run_at <= ? and (locked_at is null or locked_at < ?)', now, now - max_run_time)
      ready = waiting.or(where(locked_by: worker)).where(failed_at: nil)
      taken = ready.order(:priority, :run_at).limit(1).update_all(locked_at: now, locked_by: worker)
      find_by(locked_at: now, locked_by: worker, failed_at: nil) if taken.positive?
    end

    def self.unlock(worker)
      where(locked_by: worker).update_all(locked_at: nil, locked_by: nil)
    end

    def invoke
      _model, medium_id, attachment = YAML.safe_load(handler).dig('job_data', 'arguments')
      Kor::Jobs.perform(medium_id, attachment)
    end

    def done
      self.class.where(id: id).delete_all
    end

    # Tried again later and later.
    def postpone(error)
      tries = attempts + 1
      self.class.where(id: id).update_all(
        attempts: tries, last_error: "#{error.message}\n#{error.backtrace&.join("\n")}",
        run_at: Time.now.utc + 5 + tries**4, locked_at: nil, locked_by: nil
      )
    end
  end
end
