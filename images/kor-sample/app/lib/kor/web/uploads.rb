# What requests bring along: form fields, JSON, files.
module Kor::Web::Uploads
  ENTITY_FIELDS = %w[uuid kind_id collection_id name distinct_name no_name_statement subtype comment lock_version].freeze

  private

  def body_params
    return params unless request.media_type == 'application/json'

    @body_params ||= JSON.parse(request.body.read.presence || '{}')
  rescue JSON::ParserError
    message 400, 'this is not JSON'
  end

  def entity_params
    given = body_params['entity']
    message 400, 'the entity is missing' unless given.is_a?(Hash)
    given.slice(*ENTITY_FIELDS)
  end

  def uploaded_medium
    files = body_params['entity']['medium_attributes']
    return unless files.is_a?(Hash)

    medium = Medium.new
    %w[image document].each { |name| take(medium, name, files[name]) }
    medium
  end

  def take(medium, name, file)
    return unless file.is_a?(Hash) && file[:tempfile]

    message 422, 'the file is too large' if file[:tempfile].size > Kor.settings['max_file_upload_size'].to_f * 1024**2
    # A picture is a picture, whatever field it came in.
    name = 'image' if name == 'document' && file[:type].to_s.start_with?('image/')
    medium.public_send(name).assign(file[:tempfile].path, file[:filename], file[:type])
  end
end
