require 'json'

# What the answers look like.
module Kor::Web::Json
  private

  def json(value)
    content_type :json
    JSON.generate(value.as_json)
  end

  def message(status, text, more = {})
    content_type :json
    halt status, JSON.generate({ message: text }.merge(more))
  end

  def refuse(entity)
    errors = entity.errors.to_hash
    errors[:medium] = entity.medium.errors.to_hash if entity.medium && entity.medium.errors.any?
    message 422, 'the input contains errors', errors: errors
  end

  def page
    [params['page'].to_i, 1].max
  end

  def per_page
    asked = params['per_page'].to_i
    asked.positive? ? [asked, Kor.settings['max_results_per_request'].to_i].min : 10
  end

  def list(scope, more = {}, &block)
    { total: scope.count, per_page: per_page, page: page, **more,
      records: scope.limit(per_page).offset((page - 1) * per_page).map(&block) }
  end

  def info_json
    settings = Kor.settings.values
    {
      product: 'ConedaKOR (sample application)', version: Kor.version, revision: nil,
      operator: settings['maintainer_name'], email: settings['maintainer_mail'], legal_html: settings['legal_text'],
      url: "#{ENV['ROOT_URL'].chomp('/')}/", uuid: Kor.settings.repository_uuid,
      source_code_url: "https://github.com/coneda/kor/releases/tag/v#{Kor.version}",
      locales: %w[de en], medium_kind_id: Kind.medium_kind_id, env: Kor.environment, elastic: Kor::Elastic.available?
    }
  end

  # As versions before v4 tell it.
  def api_info_json
    {
      info: { version: Kor.version, maintainer: 'Sample application', url: "#{request.base_url}/" },
      stats: { entities: Entity.count, kinds: Kind.count, relations: Relation.count,
               relationships: Relationship.count, users: User.count },
      session: { user: current_user ? user_json(current_user) : {} }, locale: Kor.settings['default_locale']
    }
  end

  def statistics_json
    {
      timestamp: Time.now.utc,
      user_count: User.where.not(name: %w[admin guest]).count,
      entity_count: Entity.count,
      entities_by_kind: Kind.joins(:entities).merge(Entity.all).group('kinds.name').count
                            .sort_by { |_, count| -count }.map { |name, count| { kind_name: name, count: count } },
      relationship_count: Relationship.count,
      relationships_by_relation: Relationship.joins(:relation).group('relations.name').count
                                             .sort_by { |_, count| -count }.map { |name, count| { relation_name: name, count: count } },
      mime_counts: [:image_content_type, :document_content_type].map { |c| Medium.where.not(c => nil).group(c).count }.reduce(:merge)
    }
  end

  def session_json
    session['csrf_token'] ||= SecureRandom.hex(32)
    result = { locale: current_user&.locale || Kor.settings['default_locale'], csrfToken: session['csrf_token'] }
    result[:user] = user_json(current_user) if current_user
    result
  end

  def user_json(user)
    {
      id: user.id, name: user.name, full_name: user.full_name, display_name: user.full_name.presence || user.name,
      admin: user.admin, kind_admin: user.kind_admin, relation_admin: user.relation_admin,
      authority_group_admin: user.authority_group_admin, guest: user.guest?, locale: user.locale || 'en',
      permissions: { collections: Collection::POLICIES.to_h { |policy| [policy, user.collection_ids_for(policy)] } }
    }
  end

  def entity_json(entity)
    result = entity.attributes.slice('id', 'uuid', 'collection_id', 'kind_id', 'creator_id', 'updater_id',
                                     'no_name_statement', 'name', 'distinct_name', 'comment', 'subtype',
                                     'lock_version', 'created_at', 'updated_at')
    result.merge!('kind_name' => entity.kind_name, 'display_name' => entity.display_name,
                  'tags' => entity.tags.map(&:name))
    result.merge!('medium_id' => entity.medium_id, 'medium' => medium_json(entity.medium)) if entity.medium
    result
  end

  def medium_json(medium)
    image = medium.image
    styles = Kor::Picture::STYLES.keys.to_h { |style| [style, image.url(style)] }
    {
      id: medium.id, file_size: medium.original[:file_size], content_type: medium.content_type,
      processing: !!(medium.image_processing || medium.document_processing),
      url: styles.merge(original: medium.original.url(:original))
    }
  end
end
