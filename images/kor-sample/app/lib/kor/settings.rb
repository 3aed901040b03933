require 'json'

# DATA_DIR/settings.json: what administrators set in the pages, and the repository's identity. It is
# rewritten in place, under a lock on a file beside it: a hard link to it changes along.
class Kor::Settings
  DEFAULTS = {
    'version' => 1,
    'default_locale' => 'en',
    'welcome_title' => 'Sample application',
    'welcome_text' => 'This is not ConedaKOR.',
    'maintainer_name' => 'Example Organization',
    'maintainer_mail' => 'admin@example.com',
    'legal_text' => 'enter a legal notice here',
    'about_text' => 'enter a description of this installation here',
    'max_file_upload_size' => 100,
    'max_results_per_request' => 500,
    'session_lifetime' => 7200,
    'repository_uuid' => nil
  }.freeze

  def [](key)
    values[key]
  end

  def values
    DEFAULTS.merge(with_lock { read })
  end

  def as_json(*)
    { 'values' => values, 'defaults' => DEFAULTS }
  end

  def update(changes)
    with_lock { write(read.merge(changes)) }
  end

  # OAI-PMH knows a repository by it: drawn once, then kept.
  def repository_uuid
    with_lock do
      stored = read
      stored['repository_uuid'] || SecureRandom.uuid.tap { |uuid| write(stored.merge('repository_uuid' => uuid)) }
    end
  end

  private

  def file
    File.join(Kor.data_dir, 'settings.json')
  end

  def read
    JSON.parse(File.read(file))
  rescue Errno::ENOENT
    {}
  end

  def write(stored)
    stored['version'] = stored.fetch('version', DEFAULTS['version']) + 1
    File.open(file, 'w') { |f| f.write(JSON.generate(stored)) }
  end

  # Each call opens the file anew, so the lock also holds between threads.
  def with_lock
    File.open("#{file}.lock", File::RDWR | File::CREAT) do |lock|
      lock.flock(File::LOCK_EX)
      yield
    end
  end
end
