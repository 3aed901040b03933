# The sample application: answers where ConedaKOR would, for demonstrations and tests.
module Kor
  ROOT = File.expand_path('..', __dir__)

  class << self
    def root
      ROOT
    end

    # As the real one gives it: without the v.
    def version
      @version ||= File.read(File.join(ROOT, 'config', 'version.txt')).strip.delete_prefix('v')
    end

    def release
      @release ||= Release.for(version)
    end

    def logger
      @logger ||= Log.open
    end

    def settings
      @settings ||= release.configuration == 'files' ? ConfigFiles.new : Settings.new
    end

    def environment
      ENV.fetch('RAILS_ENV', 'production')
    end

    def data_dir
      ENV.fetch('DATA_DIR')
    end

    # On one file system with the files proper: what is made here is renamed into its place.
    def processing_dir
      File.join(data_dir, 'processing')
    end

    def temporary_path
      File.join(processing_dir, SecureRandom.hex(12))
    end

    def boot
      Environment.load
      Log.prepare_active_record
      make_directories
      Database.start
    end

    private

    def make_directories
      FileUtils.mkdir_p(processing_dir)
    rescue SystemCallError => e
      logger.error("#{e.message}: uploads will fail")
    end
  end
end

require 'fileutils'
require 'securerandom'
require 'time'
require 'active_record'

require 'kor/release'
require 'kor/environment'
require 'kor/log'
require 'kor/settings'
require 'kor/config_files'
require 'kor/database'
require 'kor/migrations'
require 'kor/elastic'
require 'kor/picture'
require 'kor/jobs'
require 'kor/attachment'
require 'kor/rails'
require 'models'
