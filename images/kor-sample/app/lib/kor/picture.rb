require 'open3'
require 'tmpdir'

# Makes small pictures out of large ones, with the JPEG library's own tools. They scale by eighths while
# they decode, so a result is at most as large as asked for, often smaller.
module Kor::Picture
  class Unreadable < StandardError; end

  STYLES = { normal: 1440, screen: 800, preview: 300, thumbnail: 140, icon: 80 }.freeze
  PNG = "\x89PNG".b.freeze
  JPEG = "\xFF\xD8".b.freeze
  PNG_TO_PPM = <<~'RUBY'.freeze
    image = ChunkyPNG::Image.from_file(ARGV[0])
    $stdout.binmode
    $stdout << "P6 #{image.width} #{image.height} 255\n" << image.to_rgb_stream
  RUBY
  # Markers that carry the size; those left out define tables.
  FRAMES = ((0xC0..0xCF).to_a - [0xC4, 0xC8, 0xCC]).freeze

  class << self
    # Yields each style with the path of its file, which is the block's to move away.
    def derive(original)
      Dir.mktmpdir('picture-', Kor.processing_dir) do |directory|
        source = as_jpeg(original, File.join(directory, 'source.jpg'))
        STYLES.each do |style, side|
          made = File.join(directory, "#{style}.jpg")
          shrink(source, side, made)
          # The next one is smaller: made from this one it costs less, and scaling by an eighth suffices.
          FileUtils.cp(made, source = File.join(directory, 'source.jpg'))
          yield style, made
        end
      end
    end

    def size(jpeg)
      File.open(jpeg, 'rb') do |f|
        raise Unreadable, 'not a JPEG file' unless f.read(2) == JPEG

        while (head = f.read(4)) && head.bytesize == 4
          mark, marker, length = head.unpack('CCn')
          break unless mark == 0xFF
          return f.read(5).unpack('xnn').reverse if FRAMES.include?(marker)

          f.seek(length - 2, IO::SEEK_CUR)
        end
      end
      raise Unreadable, 'a JPEG file without a size'
    end

    # From rows of red, green and blue bytes.
    def write(width, height, bytes, target)
      _out, errors, status = Open3.capture3('cjpeg', '-quality', '85', '-outfile', target,
                                            stdin_data: "P6 #{width} #{height} 255\n".b << bytes, binmode: true)
      raise Unreadable, errors.strip unless status.success?
    end

    private

    def shrink(source, side, target)
      eighths = (8.0 * side / size(source).max).floor.clamp(1, 8)
      statuses = Open3.pipeline(['djpeg', '-scale', "#{eighths}/8", source],
                                ['cjpeg', '-quality', '85', '-outfile', target], err: File::NULL)
      raise Unreadable, 'not a picture that can be read' unless statuses.all?(&:success?)
    end

    # The original itself, or what it was turned into.
    def as_jpeg(original, target)
      case File.binread(original, 4)
      when /\A#{JPEG}/n then return original
      when PNG then from_png(original, target)
      # BMP, GIF, PPM and Targa.
      else run('cjpeg', '-quality', '90', '-outfile', target, original)
      end
      target
    end

    # In a process of its own: decoded here it would hold up the requests, and its memory would stay.
    def from_png(original, target)
      statuses = Open3.pipeline([RbConfig.ruby, '-rchunky_png', '-e', PNG_TO_PPM, original],
                                ['cjpeg', '-quality', '90', '-outfile', target], err: File::NULL)
      raise Unreadable, 'not a PNG file that can be read' unless statuses.all?(&:success?)
    end

    def run(*command)
      _out, errors, status = Open3.capture3(*command)
      raise Unreadable, errors.strip unless status.success?
    end
  end
end
