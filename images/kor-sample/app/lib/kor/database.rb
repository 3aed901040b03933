module Kor::Database
  # Five web threads, the job threads, and one in hand.
  POOL = 8

  def self.start
    ActiveRecord::Base.establish_connection(configuration)
    bring_tag_names_to_binary if Kor.release.alter_tags_at_start?
  end

  def self.configuration
    public_send("from_#{Kor.release.configuration}").merge(pool: POOL)
  end

  def self.from_environment
    url = ENV.fetch('DATABASE_URL')
    ActiveRecord::DatabaseConfigurations::ConnectionUrlResolver.new(url).to_hash
  end

  # Other servers stand in the same place.
  def self.from_files
    Kor::Environment.database_yml.except('elastic', 'mongo', 'neo').symbolize_keys
  end

  # The real one does this at every start, whoever started it. An instance's user therefore needs ALTER;
  # without it, as in read-only, the start goes on.
  def self.bring_tag_names_to_binary
    connection = ActiveRecord::Base.connection
    return unless connection.table_exists?('tags')

    connection.execute('ALTER TABLE tags MODIFY name varchar(255) CHARACTER SET utf8 COLLATE utf8_bin')
  rescue ActiveRecord::ActiveRecordError => e
    Kor.logger.error("could not set the collation of tag names: #{e.message}")
  ensure
    ActiveRecord::Base.clear_active_connections!
  end

  # Needs a right that an instance's user does not have, hence only where the schema is missing.
  def self.create
    ActiveRecord::Base.connection
  rescue ActiveRecord::NoDatabaseError
    name = configuration.fetch(:database)
    ActiveRecord::Base.establish_connection(configuration.except(:database))
    ActiveRecord::Base.connection.create_database(name, charset: 'utf8', collation: 'utf8_general_ci')
    ActiveRecord::Base.establish_connection(configuration)
  end

  def self.drop_tables
    connection = ActiveRecord::Base.connection
    connection.disable_referential_integrity do
      connection.views.each { |view| connection.execute("DROP VIEW #{connection.quote_table_name(view)}") }
      connection.tables.each { |table| connection.drop_table(table, force: :cascade) }
    end
    connection.schema_cache.clear!
  end
end
