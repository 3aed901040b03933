# db/migrate has one directory for each version that changed the schema. A version runs its own and all
# below it; ActiveRecord keeps the record of what has run in schema_migrations.
module Kor::Migrations
  def self.run
    context = ActiveRecord::MigrationContext.new(directories, ActiveRecord::SchemaMigration)
    context.migrate
    ActiveRecord::Base.descendants.each(&:reset_column_information)
  end

  def self.directories
    Dir[File.join(Kor.root, 'db', 'migrate', 'v*')].select do |directory|
      Gem::Version.new(File.basename(directory).delete_prefix('v')) <= Gem::Version.new(Kor.version)
    end
  end
end
