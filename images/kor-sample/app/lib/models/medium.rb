class Medium < ApplicationRecord
  has_one :entity

  validates :datahash, uniqueness: { case_sensitive: true, message: 'this file is there already' }
  validate { errors.add(:document, 'a file must be given') unless image.file? || document.file? }

  # Inside the transaction the row's files come, after it they go.
  after_save { attachments.each(&:store) }
  after_commit(on: [:create, :update]) { attachments.each(&:enqueue_if_stored) }
  after_commit(on: :destroy) { attachments.each(&:remove) }

  def image
    @image ||= Kor::Attachment.new(self, :image)
  end

  def document
    @document ||= Kor::Attachment.new(self, :document)
  end

  def attachments
    [image, document]
  end

  def original
    document.file? ? document : image
  end

  def content_type
    original[:content_type]
  end
end

# A file that was packed for a user; older than two weeks it may go.
class Download < ApplicationRecord
  belongs_to :user, optional: true

  before_create { self.uuid ||= SecureRandom.uuid }
end
