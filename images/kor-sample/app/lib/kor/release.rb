require 'yaml'

# What a version does differently from others: config/releases.yml, read once.
class Kor::Release
  def self.for(version)
    entries = YAML.load_file(File.join(Kor.root, 'config', 'releases.yml'))
    entry = entries.find { |e| Gem::Version.new(e['from'].to_s) <= Gem::Version.new(version) }
    raise "config/releases.yml has nothing for version #{version}" unless entry

    new(entry)
  end

  def initialize(entry)
    @entry = entry
  end

  def configuration
    @entry.fetch('configuration')
  end

  def jobs
    @entry.fetch('jobs')
  end

  # The message that a command ends with, where it cannot work in this version.
  def fault_of(command)
    @entry.fetch('broken_commands', {})[command]
  end
end
