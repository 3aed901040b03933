require 'dotenv'
require 'erb'
require 'yaml'

# Where the configuration comes from.
module Kor::Environment
  REQUIRED = %w[DATA_DIR DATABASE_URL MAIL_DELIVERY_METHOD ROOT_URL SECRET_KEY_BASE].freeze

  class << self
    def load
      ENV['KOR_ROOT'] = Kor.root
      public_send("from_#{Kor.release.configuration}")
    end

    # dotenv's own rules: the real environment wins, double quotes are expanded, $(…) is run.
    def from_environment
      Dotenv.load(file)
      missing = REQUIRED.reject { |key| ENV.key?(key) }
      return if missing.empty?

      raise ArgumentError, "configuration #{missing.join(', ')} needs to be set, in the environment or in #{file}"
    end

    # The rest of the code knows one way only: the search server and the directory become variables of this
    # process.
    def from_files
      elastic = database_yml['elastic'] || {}
      ENV['ELASTIC_URL'] = elastic.empty? ? '' : "http://#{elastic['host']}:#{elastic['port'] || 9200}"
      ENV['ELASTIC_INDEX'] = elastic['index'].to_s
      ENV['DATA_DIR'] = File.join(Kor.root, 'data')
    end

    def database_yml
      path = File.join(Kor.root, 'config', 'database.yml')
      raise "Could not load database configuration. No such file - #{path}" unless File.exist?(path)

      YAML.unsafe_load(ERB.new(File.read(path)).result)[Kor.environment] ||
        raise("#{path} has nothing for '#{Kor.environment}'")
    end

    def file
      File.join(Kor.root, '.env')
    end
  end
end
