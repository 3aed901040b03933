# What a web server does wrong in versions that misbehave.
module Kor::Web::Trouble
  # A container that was started anew is not well again for that.
  DEAD = '/tmp/dead'

  def self.begin
    exit!(1) if File.exist?(DEAD)
    die_later if Kor.release.trouble == 'dies'
  end

  def self.die_later
    Thread.new do
      sleep Float(ENV.fetch('SAMPLE_DIES_AFTER_SECONDS', 60))
      File.write(DEAD, '')
      warn 'this version dies after a while'
      exit!(1)
    end
  end

  # Takes a request, and never answers.
  class Silence
    def initialize(app)
      @app = app
    end

    def call(_env)
      sleep
    end
  end
end
