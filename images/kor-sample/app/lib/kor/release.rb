require 'yaml'

# What a version does differently from others: config/releases.yml, read once.
class Kor::Release
  def self.for(version)
    entries = YAML.load_file(File.join(Kor.root, 'config', 'releases.yml'), aliases: true)
    entry = entries.find { |e| Gem::Version.new(e['from'].to_s) <= Gem::Version.new(version) }
    raise "config/releases.yml has nothing for version #{version}" unless entry

    new(entry)
  end

  def initialize(entry)
    @entry = entry
  end

  %w[configuration jobs front_page info_path sessions password_setter digest].each do |key|
    define_method(key) { @entry.fetch(key) }
  end

  def max_run_time
    @entry.fetch('max_run_time') * 3600
  end

  def forgery_protection?
    @entry.fetch('forgery_protection', false)
  end

  def alter_tags_at_start?
    @entry.fetch('alter_tags_at_start', false)
  end

  # What the web server does wrong, if it does.
  def trouble
    @entry['web']
  end

  # The message that a command ends with, where it cannot work in this version.
  def fault_of(command)
    @entry.fetch('broken_commands', {})[command]
  end
end
