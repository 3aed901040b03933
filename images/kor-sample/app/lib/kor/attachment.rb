require 'digest'

# One file of a medium, `image` or `document`, and what is derived from it:
# DATA_DIR/media/STYLE/000/000/ID/image.EXT
class Kor::Attachment
  # By the first bytes: what a client says about a file is often wrong.
  MAGIC = {
    'image/jpeg' => /\A\xFF\xD8/n, 'image/png' => /\A\x89PNG/n, 'image/gif' => /\AGIF8/n, 'image/bmp' => /\ABM/n
  }.freeze

  attr_reader :name

  def initialize(medium, name)
    @medium = medium
    @name = name
  end

  def assign(path, file_name, content_type = nil)
    @staged = path
    head = File.binread(path, 4) || ''.b
    # Some clients send a whole path.
    self[:file_name] = file_name.to_s.scrub('_').split(%r{[/\\]}).last || 'file'
    self[:content_type] = MAGIC.find { |_, magic| head.match?(magic) }&.first || content_type || 'application/octet-stream'
    self[:file_size] = File.size(path)
    self[:updated_at] = Time.now.to_i
    self[:processing] = true
    @medium.datahash = Digest::SHA1.file(path).hexdigest
  end

  def file?
    !self[:file_name].nil?
  end

  def [](column)
    @medium["#{name}_#{column}"]
  end

  def path(style = :original)
    File.join(Kor.data_dir, 'media', style.to_s, partition, "#{name}.#{extension(style)}")
  end

  def url(style = :original)
    return '/processing.svg' if style != :original && (name != :image || self[:processing] || !file?)

    "/media/images/#{style}/#{partition}/#{name}.#{extension(style)}?#{self[:updated_at]}"
  end

  # Called inside the transaction: with none open, every row has its files.
  def store
    return unless @staged

    copy = Kor.temporary_path
    FileUtils.cp(@staged, copy)
    move(copy, path)
    @staged = nil
    @stored = true
  end

  def enqueue_if_stored
    return unless @stored

    @stored = false
    Kor::Jobs.enqueue(@medium.id, name)
  end

  def reprocess!
    return unless file?

    @medium.update_columns("#{name}_processing" => true)
    Kor::Jobs.enqueue(@medium.id, name)
  end

  # Documents have nothing derived here: for them the flag goes, that is all.
  def process
    make_styles if name == :image && file?
    rows = Medium.where(id: @medium.id).update_all("#{name}_processing" => false)
    # Deleted meanwhile: nothing may be left behind.
    remove if rows.zero?
  end

  def remove
    [:original, *Kor::Picture::STYLES.keys].each { |style| FileUtils.rm_f(path(style)) } if file?
  end

  private

  # A file that cannot be read never will be: no reason to leave the row flagged.
  def make_styles
    Kor::Picture.derive(path) { |style, made| move(made, path(style)) }
  rescue Kor::Picture::Unreadable, Errno::ENOENT => e
    Kor.logger.error("medium #{@medium.id} has no thumbnails: #{e.message}")
  end

  def []=(column, value)
    @medium["#{name}_#{column}"] = value
  end

  def partition
    format('%09d', @medium.id).scan(/\d{3}/).join('/')
  end

  def extension(style)
    return 'jpg' unless style.to_sym == :original

    File.extname(self[:file_name].to_s).delete_prefix('.').downcase[/\A[a-z0-9]{1,10}\z/] || 'bin'
  end

  # A rename: readers see the old file or the new one, and a hard link to the old one stays as it was.
  def move(from, to)
    FileUtils.mkdir_p(File.dirname(to))
    File.chmod(0o644, from)
    File.rename(from, to)
  end
end
