# Thumbnails are made some time after an upload. Where the jobs wait until then differs by version.
module Kor::Jobs
  class << self
    def enqueue(medium_id, attachment)
      return perform(medium_id, attachment) if Thread.current[:kor_inline]

      (Kor.release.jobs == 'table' ? Table : InProcess).later(medium_id, attachment)
    end

    def perform(medium_id, attachment)
      Medium.find_by(id: medium_id)&.public_send(attachment)&.process
    end

    # Within the block nothing waits.
    def inline
      before = Thread.current[:kor_inline]
      Thread.current[:kor_inline] = true
      yield
    ensure
      Thread.current[:kor_inline] = before
    end

    # Long enough that a stop right after some uploads finds some undone. Asked for each job, so that
    # kor.yml can make the next one slow.
    def seconds
      Float(ENV['SAMPLE_JOB_SECONDS'] || Kor.settings['sample_job_seconds'] || 0.6)
    end
  end
end

require 'kor/jobs/in_process'
require 'kor/jobs/table'

# The name under which callers choose whether a job waits; versions with a worker have no such choice.
if Kor.release.jobs == 'in_process'
  module DelayedPaperclip
    class ProcessJob
      def self.with_adapter(adapter, &block)
        adapter == :inline ? Kor::Jobs.inline(&block) : block.call
      end
    end
  end
end
