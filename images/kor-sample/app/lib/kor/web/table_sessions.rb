require 'json'
require 'rack/session/abstract/id'

# Sessions are rows: in read-only, or without the database, nobody gets a page, readers neither.
class Kor::Web::TableSessions < Rack::Session::Abstract::PersistedSecure
  class Row < ApplicationRecord
    self.table_name = 'sessions'
  end

  def find_session(_request, id)
    row = id && Row.find_by(session_id: id.private_id)
    row ? [id, JSON.parse(row.data)] : [generate_sid, {}]
  end

  def write_session(_request, id, session, _options)
    Row.find_or_initialize_by(session_id: id.private_id).update!(data: JSON.generate(session.to_hash))
    id
  end

  def delete_session(_request, id, options)
    Row.where(session_id: id.private_id).delete_all
    generate_sid unless options[:drop]
  end
end
