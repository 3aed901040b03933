# The entrance, and the path under which a version tells about itself.
module Kor::Web::Front
  def self.registered(app)
    app.helpers Helpers
    app.get('/') { public_send("#{Kor.release.front_page}_front_page") }
    app.get(Kor.release.info_path) { json(Kor.release.info_path == '/info' ? { info: info_json } : api_info_json) }
  end

  module Helpers
    PLACE = '<ul id="entities"></ul>'.freeze

    # A file like any other: it says nothing about the database.
    def file_front_page
      halt 404 unless settings.static?
      send_file index_file
    end

    # With some entities from the database. There is no such page for those who take only JSON, and asking
    # for it is an error.
    def rendered_front_page
      raise 'Missing template main/welcome with formats: [:json]' if request.env['HTTP_ACCEPT'].to_s.strip == 'application/json'

      entities = Entity.includes(:kind).where(collection_id: allowed_collection_ids(:view)).order(Arel.sql('rand()')).limit(4)
      items = entities.map { |entity| "<li><div>#{Rack::Utils.escape_html(entity.display_name)}</div></li>" }
      title = Rack::Utils.escape_html(Kor.settings['welcome_title'])
      File.read(index_file).sub(PLACE) { "<ul id=\"entities\">#{items.join}</ul>" }
          .sub(%r{<title>.*</title>}) { "<title>#{title}</title>" }
    end

    private

    def index_file
      File.join(settings.public_folder, 'index.html')
    end
  end
end
