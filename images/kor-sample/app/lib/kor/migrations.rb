# db/migrate has one directory for each version that changed the schema. A version runs its own and all
# below it, and those of its own in db/trouble that no other one runs; ActiveRecord keeps the record of what
# has run in schema_migrations.
module Kor::Migrations
  def self.context
    ActiveRecord::MigrationContext.new(directories, ActiveRecord::SchemaMigration)
  end

  # As Rails prints them.
  def self.show
    context.migrations_status.each do |status, version, name|
      puts "#{status.center(8)}  #{version.ljust(14)}  #{name}"
    end
  end

  def self.run
    # As long as a large collection would take.
    sleep(Float(ENV.fetch('SAMPLE_MIGRATION_SECONDS', 0))) if context.needs_migration?
    context.migrate
    ActiveRecord::Base.descendants.each(&:reset_column_information)
  end

  def self.directories
    up_to_this_one = Dir[File.join(Kor.root, 'db', 'migrate', 'v*')].select do |directory|
      Gem::Version.new(File.basename(directory).delete_prefix('v')) <= Gem::Version.new(Kor.version)
    end
    up_to_this_one + Dir[File.join(Kor.root, 'db', 'trouble', "v#{Kor.version}")]
  end
end
