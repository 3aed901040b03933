require 'socket'

# The process that takes jobs from the table, one at a time, whatever -n says. It keeps one connection for
# its whole life and never looks whether that still lives: once it is lost, each attempt fails, for ever,
# unless the client library reconnects by itself (`reconnect: true` in database.yml).
class Kor::Worker
  SLEEP = 5
  # How long a job that is being done may still take after a signal.
  GRACE = 5

  class GivenUp < StandardError; end

  def initialize(arguments)
    option = arguments.index { |a| a.start_with?('-n') }
    several = option && (arguments[option].delete_prefix('-n') + arguments[option + 1].to_s).to_i > 1
    # Who comes back under the same name takes up its own jobs again.
    @name = "delayed_job#{'.0' if several} host:#{Socket.gethostname} pid:#{Process.pid}"
  end

  def run
    %w[TERM INT].each { |signal| trap(signal) { @deadline ||= now + GRACE } }
    say 'Starting job worker'
    until @deadline
      worked = work
      sleep SLEEP unless worked || @deadline
    end
    say 'Exiting...'
    Delayed::Job.unlock(@name)
  end

  private

  # Whether there was a job.
  def work
    job = reserve
    return false unless job

    perform(job)
    true
  rescue GivenUp
    true
  rescue StandardError => e
    say "Job #{job.id} FAILED, and that could not be written: #{e.message}"
    false
  end

  def reserve
    Delayed::Job.reserve(@name, Kor.release.max_run_time)
  rescue StandardError => e
    say "Error while reserving job: #{e.message}"
    nil
  end

  def perform(job)
    say "Job DelayedPaperclip::ProcessJob (id=#{job.id}) RUNNING"
    pause(Kor::Jobs.seconds)
    job.invoke
    job.done
    say "Job DelayedPaperclip::ProcessJob (id=#{job.id}) COMPLETED"
  rescue GivenUp
    say "Job DelayedPaperclip::ProcessJob (id=#{job.id}) was given up"
    raise
  rescue StandardError => e
    say "Job DelayedPaperclip::ProcessJob (id=#{job.id}) FAILED (#{job.attempts} prior attempts): #{e.message}"
    job.postpone(e)
  end

  def pause(seconds)
    ends = now + seconds
    while now < ends
      raise GivenUp if @deadline && now > @deadline

      sleep 0.1
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def say(text)
    Kor.logger.info("[Worker(#{@name})] #{text}")
  end
end
