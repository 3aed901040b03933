# Jobs wait in the memory of the process that made them, for one of its threads. Whatever still waits
# when the process ends is lost, and the row that waits for it stays flagged.
module Kor::Jobs
  THREADS = 2

  class << self
    def later(&job)
      start
      @queue << job
    end

    # Long enough that a stop right after some uploads loses some.
    def seconds
      Float(ENV.fetch('SAMPLE_JOB_SECONDS', '0.6'))
    end

    private

    def start
      @start ||= Mutex.new
      @start.synchronize do
        @queue ||= Queue.new
        # Made with the first job, hence in the process that serves, not in one that forked it.
        @threads ||= Array.new(THREADS) { Thread.new { work } }
      end
    end

    def work
      loop do
        job = @queue.pop
        sleep seconds
        run(job)
      end
    end

    def run(job)
      ActiveRecord::Base.connection_pool.with_connection { job.call }
    rescue StandardError => e
      Kor.logger.error("a job failed and is lost: #{e.class}: #{e.message}")
    end
  end
end

# The name under which callers choose whether a job waits.
module DelayedPaperclip
  class ProcessJob
    def self.with_adapter(adapter)
      before = Thread.current[:kor_adapter]
      Thread.current[:kor_adapter] = adapter
      yield
    ensure
      Thread.current[:kor_adapter] = before
    end

    def self.enqueue(medium_id, attachment)
      job = -> { Medium.find_by(id: medium_id)&.public_send(attachment)&.process }
      Thread.current[:kor_adapter] == :inline ? job.call : Kor::Jobs.later(&job)
    end
  end
end
