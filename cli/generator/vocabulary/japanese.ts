// The Japanese part of the shop.

import { item } from '../vocabulary.ts';
import type { Vocabulary } from '../vocabulary.ts';

export const japanese: Vocabulary = {
  language: 'ja',
  share: 0.06,
  offsetMinutes: 540,
  names: ['{brand} {style}{noun} {colour}', '{style}{noun}({brand}・{colour})'],
  descriptions: [
    '{feature}、{second}。{material}製、{use}に。',
    '{material}製で{feature}。{use}におすすめ。',
  ],
  queries: ['{noun}', '{style}{noun}', '{noun} {use}', '{noun} {colour}'],
  aisles: [
    {
      category: 'Audio',
      items: [
        item('ヘッドホン', 40, 350, 'ワイヤレス', 'ノイズキャンセリング'),
        item('スピーカー', 30, 280, 'ポータブル', '防水'),
      ],
      features: ['連続再生40時間', '重低音', 'マイク内蔵', '急速充電対応'],
      materials: ['再生プラスチック', 'アルミニウム'],
      uses: ['通勤', 'ジム', '在宅勤務'],
    },
    {
      category: 'Footwear',
      items: [
        item('ランニングシューズ', 55, 200, '軽量', 'クッション性の高い'),
        item('登山靴', 80, 280, '防水', '本革'),
      ],
      features: ['滑りにくい靴底', '通気性抜群', '柔らかい中敷き'],
      materials: ['メッシュ', '本革', '再生ポリエステル'],
      uses: ['毎日のトレーニング', '雨の日', '山歩き'],
    },
    {
      category: 'Jackets & Coats',
      items: [
        item('ダウンジャケット', 90, 400, '暖かい', 'フード付き'),
        item('レインコート', 50, 220, '防水', '折りたたみ'),
      ],
      features: ['取り外せるフード', '暖かい裏地', '大きなポケット'],
      materials: ['グースダウン', 'メリノウール', 'ナイロン'],
      uses: ['寒い日', 'スキー', '通学'],
    },
    {
      category: 'Kitchen',
      items: [
        item('コーヒーメーカー', 60, 700, '全自動', 'コンパクトな'),
        item('包丁', 25, 220, '三徳', 'ダマスカス鋼'),
        item('弁当箱', 12, 45, '二段', '保温'),
      ],
      features: ['手入れが簡単', '食洗機対応', '軽くて丈夫'],
      materials: ['ステンレス', '陶器', '耐熱ガラス'],
      uses: ['一人暮らし', '毎朝の食卓', '贈り物'],
    },
    {
      category: 'Beauty & Care',
      items: [
        item('化粧水', 12, 80, '保湿', '敏感肌用'),
        item('シャンプー', 8, 40, 'オーガニック', 'ノンシリコン'),
      ],
      features: ['ヒアルロン酸配合', '無香料', '天然オイル配合'],
      materials: ['植物由来成分', 'ガラスボトル'],
      uses: ['乾燥肌', '毎日のケア', '旅行'],
    },
  ],
};
