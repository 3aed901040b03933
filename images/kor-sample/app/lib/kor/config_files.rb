require 'yaml'

# The settings of versions that are configured by files: config/kor.yml belongs to the operator;
# config/kor.app.yml wins over it, and is rewritten in place (through a link, so that an instance's own
# file changes) as soon as a setting is changed in the pages. Each has a part `all` and one for the
# environment.
class Kor::ConfigFiles < Kor::Settings
  PATHS = {
    'default_locale' => 'app.default_locale',
    'welcome_title' => 'app.welcome_title',
    'welcome_text' => 'app.welcome_text',
    'max_file_upload_size' => 'app.max_file_upload_size',
    'max_results_per_request' => 'app.max_results_per_request',
    'maintainer_name' => 'maintainer.name',
    'maintainer_mail' => 'maintainer.mail',
    'repository_uuid' => 'maintainer.repository_uuid',
    'session_lifetime' => 'auth.session_lifetime',
    # Not of the real one: how long a job takes, see Kor::Jobs.
    'sample_job_seconds' => 'sample.job_seconds'
  }.freeze

  def values
    files = %w[kor.yml kor.app.yml].flat_map { |name| parts(name) }
    files.reduce(DEFAULTS) { |values, part| values.merge(flat(part)) }
  end

  # Nothing is locked here, and what others wrote meanwhile is lost, as with the real one.
  def update(changes)
    stored = read_yaml('kor.app.yml')
    changes.each do |key, value|
      *sections, name = PATHS.fetch(key, "app.#{key}").split('.')
      sections.reduce(stored[Kor.environment] ||= {}) { |part, section| part[section] ||= {} }[name] = value
    end
    File.write(path('kor.app.yml'), YAML.dump(stored))
  end

  def repository_uuid
    self['repository_uuid'] || SecureRandom.uuid.tap { |uuid| update('repository_uuid' => uuid) }
  end

  private

  def parts(name)
    read_yaml(name).values_at('all', Kor.environment).compact
  end

  def flat(part)
    PATHS.transform_values { |path| part.dig(*path.split('.')) }.compact
  end

  def read_yaml(name)
    File.exist?(path(name)) ? YAML.unsafe_load_file(path(name)) || {} : {}
  end

  def path(name)
    File.join(Kor.root, 'config', name)
  end
end
