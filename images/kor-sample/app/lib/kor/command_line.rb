# bin/kor
module Kor::CommandLine
  COMMANDS = %w[version index-all import-test-data notify-expiring-users reset-admin-account].freeze
  EXPIRY_NOTICE = 14 * 24 * 3600

  class << self
    def run(arguments)
      # Options such as --verbose change nothing here.
      command = arguments.include?('--version') ? 'version' : arguments.find { |a| !a.start_with?('-') }
      fault = Kor.release.fault_of(command)
      raise NoMethodError, fault if fault

      unless COMMANDS.include?(command)
        warn "command '#{command}' is not known; there are: #{COMMANDS.join(', ')}"
        exit 1
      end
      public_send(command.tr('-', '_'))
    end

    def version
      puts Kor.version
    end

    def index_all
      Kor::Elastic.index_all if Kor::Elastic.available?
    end

    def import_test_data
      require 'kor/test_data'
      Kor::TestData.import
    end

    # The sample sends no mail, whatever MAIL_DELIVERY_METHOD says: the log tells who would have got one.
    def notify_expiring_users
      User.where(expires_at: Time.now..(Time.now + EXPIRY_NOTICE)).find_each do |user|
        Kor.logger.info("#{user.email} would be told that #{user.name} expires at #{user.expires_at.iso8601}")
      end
    end

    def reset_admin_account
      User.reset_admin_account
    end
  end
end
