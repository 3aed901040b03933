# A small world of made-up painters, works and museums, with pictures of landscapes that are drawn here.
module Kor::TestData
  PEOPLE = { 'Alma Weidenfeld' => '1841-1902', 'Jonas Krehbiel' => '1867-1931', 'Ida Sørensen' => '1880-1955' }.freeze
  INSTITUTIONS = ['Museum am Flusstor', 'Galerie Nordlicht'].freeze
  WORKS = {
    'Morning over the Hills' => ['Alma Weidenfeld', 'Museum am Flusstor', '1884', %w[landscape oil]],
    'The Blue Valley' => ['Alma Weidenfeld', 'Galerie Nordlicht', '1889', %w[landscape]],
    'Evening Light' => ['Jonas Krehbiel', 'Museum am Flusstor', '1903', %w[landscape oil]],
    'Lövånger im Winter' => ['Ida Sørensen', 'Galerie Nordlicht', '1921', %w[winter]]
  }.freeze
  WIDTH = 640
  HEIGHT = 420

  class << self
    def import
      if Entity.exists? || Relation.exists?
        puts 'This installation is not empty, refusing to import test data'
        return
      end
      # In this process nobody would wait for the jobs.
      Kor::Jobs.inline { create }
      puts 'The test data is there. This command does not end by itself.'
      $stdout.flush
      sleep
    end

    private

    def create
      @collection = Collection.find_by!(name: 'Default')
      @creator = User.find_by!(name: 'admin')
      @entities = {}
      PEOPLE.each { |name, life| entity('person', name).datings.create!(label: 'Life', dating_string: life) }
      INSTITUTIONS.each { |name| entity('institution', name) }
      WORKS.each_with_index { |(name, facts), i| work(name, i, *facts) }
      # The documents that were written first know no neighbours yet.
      Kor::Elastic.index_all if Kor::Elastic.available?
    end

    def work(name, number, artist, owner, year, tags)
      work = entity('work', name)
      work.datings.create!(label: 'Dating', dating_string: year)
      work.tag(*tags)
      relate(@entities[artist], 'has created', 'has been created by', work)
      relate(@entities[owner], 'owns', 'is owned by', work)
      relate(picture(number), 'shows', 'is shown by', work)
    end

    def entity(kind, name)
      @entities[name] = Entity.create!(kind: Kind.find_by!(name: kind), collection: @collection, creator: @creator,
                                       name: name, no_name_statement: 'enter_name')
    end

    def picture(number)
      file = Kor.temporary_path
      Kor::Picture.write(WIDTH, HEIGHT, landscape(number), file)
      medium = Medium.new
      medium.image.assign(file, "landscape-#{number + 1}.jpg")
      Entity.create!(kind: Kind.find(Kind.medium_kind_id), collection: @collection, creator: @creator, medium: medium)
    ensure
      FileUtils.rm_f(file)
    end

    def relate(from, name, reverse_name, to)
      relation = Relation.find_or_create_by!(name: name, reverse_name: reverse_name,
                                             from_kind_id: from.kind_id, to_kind_id: to.kind_id)
      Relationship.create!(relation: relation, from: from, to: to)
    end

    # A sky that grows lighter towards three rows of hills.
    def landscape(number)
      hue = number * 1.7
      ridges = (0..2).map do |row|
        (0...WIDTH).map do |x|
          HEIGHT * (0.45 + 0.17 * row) + 38 * Math.sin(x / (70.0 + 25 * row) + hue + row) + 12 * Math.sin(x / 23.0 + hue * row)
        end
      end
      (0...HEIGHT).each_with_object(String.new(capacity: WIDTH * HEIGHT * 3)) do |y, bytes|
        sky = shade(hue, 120 + y * 100 / HEIGHT)
        hills = (0..2).map { |row| shade(hue + 2 + row * 0.5, 130 - row * 35) }
        (0...WIDTH).each do |x|
          bytes << (if y > ridges[2][x] then hills[2] elsif y > ridges[1][x] then hills[1] elsif y > ridges[0][x] then hills[0] else sky end)
        end
      end
    end

    def shade(hue, light)
      (0..2).map { |part| (light * (1 + 0.25 * Math.cos(hue + part * 2.1))).round.clamp(0, 255) }.pack('C3')
    end
  end
end
