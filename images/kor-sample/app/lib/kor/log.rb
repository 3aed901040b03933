require 'logger'

module Kor::Log
  FORMAT = proc do |severity, time, _program, message|
    "#{severity[0]}, [#{time.utc.iso8601(3)} ##{Process.pid}] #{severity.rjust(5)} -- : #{message}\n"
  end

  def self.open
    Logger.new(target, level: Logger::INFO, formatter: FORMAT)
  end

  # Grows without bound, as the real one does.
  def self.target
    return $stdout unless ENV['RAILS_LOG_TO_STDOUT'].to_s.empty?

    file = File.open(File.join(Kor.root, 'log', "#{Kor.environment}.log"), 'a')
    file.sync = true
    file
  rescue SystemCallError => e
    warn "#{e.message}: the log goes to standard error"
    $stderr
  end

  def self.prepare_active_record
    ActiveRecord::Base.logger = Kor.logger
  end
end
