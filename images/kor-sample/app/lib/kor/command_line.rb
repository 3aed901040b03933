# bin/kor
module Kor::CommandLine
  COMMANDS = %w[version index-all reprocess-all import-test-data notify-expiring-users delete-expired-downloads
                reset-admin-account].freeze
  TWO_WEEKS = 14 * 24 * 3600

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

    # The jobs wait like those of uploads: those that wait in memory end with this command.
    def reprocess_all
      Medium.find_each { |medium| medium.attachments.each(&:reprocess!) }
    end

    def import_test_data
      require 'kor/test_data'
      Kor::TestData.import
    end

    # The sample sends no mail, whatever MAIL_DELIVERY_METHOD says: the log tells who would have got one.
    def notify_expiring_users
      User.where(expires_at: Time.now..(Time.now + TWO_WEEKS)).find_each do |user|
        Kor.logger.info("#{user.email} would be told that #{user.name} expires at #{user.expires_at.iso8601}")
      end
    end

    def delete_expired_downloads
      Download.where('created_at < ?', Time.now.utc - TWO_WEEKS).delete_all
    end

    def reset_admin_account
      User.reset_admin_account
    end
  end
end
