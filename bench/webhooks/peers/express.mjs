// What a firm would write: Express 5 verifies the signature over the raw body, and enqueues with ioredis.
import { createHmac, timingSafeEqual } from 'node:crypto'
import express from 'express'
import Redis from 'ioredis'

const redis = new Redis(process.env.REDIS_URL)
const secret = process.env.WEBHOOK_SECRET
const stream = process.env.STREAM
const app = express()

app.disable('x-powered-by')
app.post('/webhooks/clio/:key', express.raw({ type: 'application/json', limit: '1mb' }), async (request, response) => {
  const expected = createHmac('sha256', secret).update(request.body).digest()
  const signature = Buffer.from(request.get('x-hook-signature') ?? '', 'hex')
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    return response.status(401).json({ error: 'signature' })
  }
  await redis.xadd(stream, '*', 'd', request.body)
  response.json({ received: true })
})

app.listen(Number(process.env.PORT), '127.0.0.1')
