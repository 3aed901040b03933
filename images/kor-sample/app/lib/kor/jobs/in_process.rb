# Jobs wait in the memory of the process that made them, for one of its threads. Whatever still waits
# when the process ends is lost, and the row that waits for it stays flagged.
module Kor::Jobs::InProcess
  THREADS = 2

  class << self
    def later(*job)
      start
      @queue << job
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
        sleep Kor::Jobs.seconds
        run(job)
      end
    end

    def run(job)
      ActiveRecord::Base.connection_pool.with_connection { Kor::Jobs.perform(*job) }
    rescue StandardError => e
      Kor.logger.error("a job failed and is lost: #{e.class}: #{e.message}")
    end
  end
end
