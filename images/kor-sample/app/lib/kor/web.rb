require 'sinatra/base'
class Kor::Web < Sinatra::Base; end

require 'kor/web/middleware'
require 'kor/web/json'
require 'kor/web/uploads'
require 'kor/web/front'
require 'kor/web/table_sessions'
require 'kor/web/trouble'

# The web application. Whatever fails answers 500 and says in the log why.
class Kor::Web < Sinatra::Base
  include Kor::Web::Json
  include Kor::Web::Uploads

  set :environment, :production
  set :public_folder, File.join(Kor.root, 'public')
  # Where a proxy serves these files, the application leaves them to it.
  set :static, ENV['RAILS_SERVE_STATIC_FILES'] == 'true'
  set :show_exceptions, false
  set :raise_errors, false
  set :dump_errors, false
  # A session is only good for writing together with its token, see `current_user`.
  set :protection, false

  use Kor::Web::Trouble::Silence if Kor.release.trouble == 'silent'
  use Kor::Web::RequestLog
  use Kor::Web::ReturnConnections

  if Kor.release.sessions == 'table'
    use Kor::Web::TableSessions, key: '_session_id', same_site: :lax
    # Whoever comes has one.
    before { session['seen_at'] = Time.now.to_i }
  else
    secret = ENV['SECRET_KEY_BASE'].presence
    use Kor::Web::MissingSecret unless secret
    # Signed with the key and kept by the browser: sessions survive a restart as long as the key does.
    use Rack::Session::Cookie, key: '_kor_session', secret: secret || SecureRandom.hex(64), same_site: :lax,
                               httponly: true, coder: Rack::Session::Cookie::Base64::JSON.new
  end

  register Kor::Web::Front

  get '/statistics' do
    json statistics_json
  end

  get '/session' do
    json session: session_json
  end

  post '/login' do
    user = User.authenticate(body_params['username'], body_params['password'])
    reset_session
    message 403, 'username or password could not be found' unless user
    message 403, 'this account is not active' unless user.active
    message 403, 'this account has expired' if user.expired?

    user.update!(last_login: Time.now.utc)
    session['user_id'] = user.id
    session['expires_at'] = Time.now.to_i + Kor.settings['session_lifetime'].to_i
    message 200, 'you have been logged in'
  end

  delete '/logout' do
    reset_session
    message 200, 'you have been logged out'
  end

  get '/users/me' do
    message 401, 'you are not logged in' if current_user.nil? || current_user.guest?
    json user_json(current_user).merge(api_key: current_user.try(:api_key))
  end

  get '/settings' do
    json Kor.settings.as_json
  end

  patch '/settings' do
    message 403, 'access denied' unless current_user&.admin
    Kor.settings.update(body_params.fetch('settings', {}).to_h)
    message 200, 'settings have been changed'
  end

  get '/kinds' do
    json list(Kind.order(:name)) { |kind| kind.attributes.slice('id', 'uuid', 'name', 'plural_name', 'description') }
  end

  get '/collections' do
    scope = Collection.where(id: allowed_collection_ids(:view)).order(:name)
    json list(scope) { |collection| { id: collection.id, name: collection.name } }
  end

  get '/entities' do
    json(params['terms'].to_s.strip.empty? ? listed_entities : found_entities)
  end

  get '/entities/:id' do
    entity = find_entity
    message 403, 'access denied' unless allowed_to?(:view, entity)
    json entity_json(entity)
  end

  post '/entities' do
    entity = Entity.new(entity_params)
    message 403, 'access denied' unless allowed_to?(:create, entity)
    entity.creator = current_user
    entity.medium = uploaded_medium
    refuse(entity) unless entity.valid? && (entity.medium.nil? || entity.medium.valid?)
    entity.save!
    message 200, "#{entity.display_name} has been created", id: entity.id
  end

  patch '/entities/:id' do
    entity = find_entity
    message 403, 'access denied' unless allowed_to?(:edit, entity)
    entity.assign_attributes(entity_params.merge('updater_id' => current_user.id))
    refuse(entity) unless entity.valid?
    entity.save!
    message 200, "#{entity.display_name} has been changed", id: entity.id
  end

  delete '/entities/:id' do
    entity = find_entity
    message 403, 'access denied' unless allowed_to?(:delete, entity)
    entity.destroy
    message 200, "#{entity.display_name} has been deleted", id: entity.id
  end

  get %r{/media/(images|download)/([a-z]+)/(\d{3})/(\d{3})/(\d{3})/(image|document)\.[a-z0-9]+} do
    disposition, style, *parts, attachment = params['captures']
    medium = Medium.find(parts.join.to_i)
    entity = medium.entity
    policy = style == 'original' && attachment == 'image' ? :download_originals : :view
    message 403, 'access denied' unless entity && allowed_to?(policy, entity)

    file = medium.public_send(attachment)
    message 404, 'there is no such file' unless file.file? && File.file?(file.path(style))
    send_file file.path(style), type: style == 'original' ? file[:content_type] : 'image/jpeg',
                                disposition: disposition == 'download' ? 'attachment' : 'inline'
  end

  not_found do
    content_type :json
    JSON.generate(message: 'there is nothing here')
  end

  error ActiveRecord::RecordNotFound do
    message 404, 'there is no such record'
  end

  error ActiveRecord::StaleObjectError do
    message 422, 'somebody else has changed this meanwhile'
  end

  error do
    e = env['sinatra.error']
    Kor.logger.error("#{request.request_method} #{request.path}: #{e.class}: #{e.message}\n#{e.backtrace.first(8).join("\n")}")
    content_type :json
    status 500
    JSON.generate(status: 500, error: 'Internal Server Error')
  end

  private

  # The key of a user, or else a session, or else guest. A session alone does not write: the token that
  # GET /session gave has to come along, where the version asks for it, else the request counts as a
  # guest's.
  def current_user
    @current_user ||= user_by_key || user_by_session || User.guest
  end

  def user_by_key
    User.by_api_key(params['api_key'] || env['HTTP_API_KEY'])
  end

  def user_by_session
    return unless session['user_id'] && session['expires_at'].to_i > Time.now.to_i
    return unless request.safe? || token_matches?

    session['expires_at'] = Time.now.to_i + Kor.settings['session_lifetime'].to_i
    User.find_by(id: session['user_id'], active: true)
  end

  def token_matches?
    return true unless Kor.release.forgery_protection?

    given = env['HTTP_X_CSRF_TOKEN'] || params['authenticity_token']
    session['csrf_token'] && given && Rack::Utils.secure_compare(session['csrf_token'], given)
  end

  def reset_session
    session.clear
    @current_user = nil
  end

  def allowed_collection_ids(policy)
    current_user ? current_user.collection_ids_for(policy) : []
  end

  def allowed_to?(policy, entity)
    allowed_collection_ids(policy).include?(entity.collection_id)
  end

  def find_entity
    column = params['id'].size == 36 ? :uuid : :id
    Entity.includes(:kind, :medium, :tags).find_by!(column => params['id'])
  end

  def listed_entities
    scope = Entity.where(collection_id: allowed_collection_ids(:view))
    scope = scope.where(kind_id: kind_ids) if kind_ids.any?
    list(scope.includes(:kind, :medium, :tags).order(:id), engine: 'active_record') { |e| entity_json(e) }
  end

  def found_entities
    ids, total = Kor::Elastic.search(params['terms'], collection_ids: allowed_collection_ids(:view),
                                                      kind_ids: kind_ids, page: page, per_page: per_page)
    found = Entity.includes(:kind, :medium, :tags).where(id: ids).index_by(&:id)
    { total: total, per_page: per_page, page: page, engine: 'elastic',
      records: ids.filter_map { |id| found[id] }.map { |e| entity_json(e) } }
  end

  def kind_ids
    params['kind_id'].to_s.split(',').map(&:to_i)
  end
end
