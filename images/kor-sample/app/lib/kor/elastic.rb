require 'json'
require 'net/http'

# The search index. It knows nothing that the database does not: it can always be made anew.
module Kor::Elastic
  class Error < StandardError; end

  TYPE = 'entities'
  BATCH = 500
  # Dynamic mapping would take digits for numbers and names for dates.
  MAPPING = {
    'dynamic' => false,
    'properties' => {
      'id' => { 'type' => 'keyword' },
      'uuid' => { 'type' => 'keyword' },
      'name' => { 'type' => 'text' },
      'distinct_name' => { 'type' => 'text' },
      'comment' => { 'type' => 'text' },
      'kind_id' => { 'type' => 'integer' },
      'kind_name' => { 'type' => 'text' },
      'collection_id' => { 'type' => 'integer' },
      'tags' => { 'type' => 'keyword' },
      'datings' => { 'properties' => {
        'label' => { 'type' => 'text' }, 'dating_string' => { 'type' => 'text' }
      } },
      'related' => { 'properties' => {
        'relation_name' => { 'type' => 'text' }, 'entity_name' => { 'type' => 'text' }
      } },
      'created_at' => { 'type' => 'integer' },
      'updated_at' => { 'type' => 'integer' }
    }
  }.freeze
  FIELDS = %w[uuid^20 name^10 distinct_name^2 kind_name tags related.relation_name related.entity_name
              datings.label datings.dating_string comment].freeze
  INCLUDED = [:kind, :datings, :tags, { outgoing_relationships: :to }].freeze

  class << self
    def available?
      !ENV['ELASTIC_URL'].to_s.empty?
    end

    def index_name
      ENV.fetch('ELASTIC_INDEX')
    end

    def index_exists?
      raw_request(:head, "/#{index_name}").code != '404'
    end

    def create_index
      return if index_exists?

      settings = { 'index' => { 'analysis' => { 'analyzer' => { 'default' => {
        'type' => 'custom', 'tokenizer' => 'standard', 'filter' => %w[lowercase asciifolding]
      } } } } }
      request(:put, '', 'settings' => settings, 'mappings' => { TYPE => MAPPING })
    end

    # Through an alias this drops what is behind it, and the alias with it.
    def drop_index
      request(:delete, '') if index_exists?
    end

    def reset_index
      drop_index
      create_index
    end

    # Until it is done, searches do not find what has not been written yet. The options are those of the
    # real one; documents are always whole here.
    def index_all(_options = {})
      drop_index
      create_index
      Entity.includes(*INCLUDED).find_in_batches(batch_size: BATCH) do |entities|
        lines = entities.flat_map do |entity|
          [JSON.generate('index' => { '_id' => entity.uuid }), JSON.generate(document(entity, full: true))]
        end
        answer = request(:post, "/#{TYPE}/_bulk", "#{lines.join("\n")}\n")
        raise Error, "some documents were refused: #{answer['items'].inspect[0, 500]}" if answer['errors']
      end
      refresh
    end

    def index(entity, options = {})
      request(:put, "/#{TYPE}/#{entity.uuid}", document(entity, **options))
    end

    def drop(entity)
      response = raw_request(:delete, "/#{index_name}/#{TYPE}/#{entity.uuid}")
      check(response) unless response.code == '404'
    end

    def refresh
      request(:post, '/_refresh')
    end

    def count
      request(:get, "/#{TYPE}/_count")['count']
    end

    # Ids, best first, and how many there are in all.
    def search(terms, collection_ids:, kind_ids: [], page: 1, per_page: 10)
      filter = [{ 'terms' => { 'collection_id' => collection_ids } }]
      filter << { 'terms' => { 'kind_id' => kind_ids } } if kind_ids.any?
      must = { 'simple_query_string' => { 'query' => terms, 'fields' => FIELDS, 'default_operator' => 'and' } }
      answer = request(:post, "/#{TYPE}/_search",
                       'query' => { 'bool' => { 'must' => must, 'filter' => filter } },
                       'from' => (page - 1) * per_page, 'size' => per_page, '_source' => ['id'])
      hits = answer['hits']
      [hits['hits'].map { |hit| hit['_source']['id'].to_i }, hits['total']]
    end

    # A neighbour's name is part of it, so it ages when only the neighbour changes.
    def document(entity, full: false)
      result = {
        'id' => entity.id, 'uuid' => entity.uuid,
        'name' => entity.name, 'distinct_name' => entity.distinct_name, 'comment' => entity.comment,
        'kind_id' => entity.kind_id, 'kind_name' => entity.kind_name, 'collection_id' => entity.collection_id,
        'tags' => entity.tags.map(&:name),
        'datings' => entity.datings.map { |d| { 'label' => d.label, 'dating_string' => d.dating_string } },
        'created_at' => entity.created_at.to_i, 'updated_at' => entity.updated_at.to_i
      }
      if full
        result['related'] = entity.outgoing_relationships.select(&:to).map do |r|
          { 'relation_name' => r.relation_name, 'entity_name' => r.to.name }
        end
      end
      result
    end

    def request(verb, path, body = nil)
      raise Error, 'there is no search server: ELASTIC_URL is empty' unless available?

      response = raw_request(verb, "/#{index_name}#{path}", body)
      check(response)
      response.body.to_s.empty? ? {} : JSON.parse(response.body)
    end

    private

    def raw_request(verb, path, body = nil)
      uri = URI.parse(ENV.fetch('ELASTIC_URL').chomp('/') + path)
      token = ENV['ELASTIC_TOKEN'].to_s
      uri.query = URI.encode_www_form('token' => token) unless token.empty?
      request = Net::HTTP.const_get(verb.capitalize).new(uri)
      request.basic_auth(uri.user, uri.password) if uri.user
      if body
        request['content-type'] = body.is_a?(String) ? 'application/x-ndjson' : 'application/json'
        request.body = body.is_a?(String) ? body : JSON.generate(body)
      end
      Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https', open_timeout: 5) { |http| http.request(request) }
    end

    def check(response)
      return if response.is_a?(Net::HTTPSuccess)

      raise Error, "the search server answered #{response.code}: #{response.body.to_s[0, 500]}"
    end
  end
end
