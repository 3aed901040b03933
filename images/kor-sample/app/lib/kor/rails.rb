# The few names of Rails that scripts for `rails r` are used to.
module Rails
  def self.root
    Pathname.new(Kor.root)
  end

  def self.env
    ActiveSupport::StringInquirer.new(Kor.environment)
  end

  def self.logger
    Kor.logger
  end
end
