require 'dotenv'

# Where the configuration comes from.
module Kor::Environment
  REQUIRED = %w[DATA_DIR DATABASE_URL MAIL_DELIVERY_METHOD ROOT_URL SECRET_KEY_BASE].freeze

  def self.load
    ENV['KOR_ROOT'] = Kor.root
    public_send("from_#{Kor.release.configuration}")
    missing = REQUIRED.reject { |key| ENV.key?(key) }
    return if missing.empty?

    raise ArgumentError, "configuration #{missing.join(', ')} needs to be set, in the environment or in #{file}"
  end

  # dotenv's own rules: the real environment wins, double quotes are expanded, $(…) is run.
  def self.from_environment
    Dotenv.load(file)
  end

  def self.file
    File.join(Kor.root, '.env')
  end
end
